// Workload W as a Kafka Streams application: exactly_once_v2, a store in memory with its changelog, commits every
// 100 ms. Prints the moment of its first record; whoever started it watches its group and ends it.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

public class WorkloadW {
    static final ObjectMapper JSON = new ObjectMapper();
    static volatile boolean begun = false;

    static class Counting implements Processor<String, byte[], String, byte[]> {
        private ProcessorContext<String, byte[]> context;
        private KeyValueStore<String, byte[]> store;

        @Override
        public void init(ProcessorContext<String, byte[]> context) {
            this.context = context;
            this.store = context.getStateStore("counted");
        }

        @Override
        public void process(Record<String, byte[]> record) {
            if (!begun) {
                begun = true;
                System.out.println(System.currentTimeMillis());
            }
            try {
                count(record);
            } catch (java.io.IOException error) {
                throw new RuntimeException(error);
            }
        }

        private void count(Record<String, byte[]> record) throws java.io.IOException {
            JsonNode event = JSON.readTree(record.value());
            byte[] before = store.get(record.key());
            String[] kept = before == null
                ? new String[] {"0", "0"}
                : new String(before, StandardCharsets.UTF_8).split("\\|");
            long count = Long.parseLong(kept[0]) + 1;
            long total = Long.parseLong(kept[1]) + event.get("amount").asLong();
            String state = count + "|" + total + "|" + event.get("kind").asText() + "|" + event.get("at").asText()
                + "|" + event.get("event_id").asText();
            store.put(record.key(), state.getBytes(StandardCharsets.UTF_8));
            if (count % 4 == 0) {
                ObjectNode said = JSON.createObjectNode();
                for (String name : new String[] {"contact_id", "tenant_id", "event_id", "kind", "at", "detail"}) {
                    said.set(name, event.get(name));
                }
                said.put("count", count).put("total", total);
                context.forward(record.withValue(JSON.writeValueAsBytes(said)));
            }
        }
    }

    public static void main(String[] told) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, told[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, told[1]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, told[4]);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put("auto.offset.reset", "earliest");
        Topology topology = new Topology();
        topology.addSource("in", Serdes.String().deserializer(), Serdes.ByteArray().deserializer(), told[2]);
        topology.addProcessor("count", Counting::new, "in");
        topology.addStateStore(
            Stores.keyValueStoreBuilder(
                Stores.inMemoryKeyValueStore("counted"), Serdes.String(), Serdes.ByteArray()),
            "count");
        topology.addSink("out", told[3], Serdes.String().serializer(), Serdes.ByteArray().serializer(), "count");
        KafkaStreams streams = new KafkaStreams(topology, settings);
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }
}
