-- Whose an id is, whichever tenant's (`touchstream why`): one probe, however many tenants there are. Looked for tenant
-- by tenant it would touch a page of the key for each. A command under way has its index since 0001.
CREATE INDEX enrollments_by_id ON touchstream.enrollments (enrollment_id);
CREATE INDEX send_log_by_command ON touchstream.send_log (command_id);
