# One image for every role, without a database and a broker: docker-compose.yml runs those.
FROM python:3.13-slim

WORKDIR /app
COPY requirements-runtime.lock .
RUN pip install --no-cache-dir --require-hashes -r requirements-runtime.lock

COPY pyproject.toml LICENSE README.md ./
COPY schemas schemas
COPY processors processors
COPY streams streams
COPY sinks sinks
RUN pip install --no-cache-dir --no-deps --no-build-isolation .

RUN useradd --system --uid 10001 touchstream
USER touchstream
ENTRYPOINT ["touchstream"]
