{"type":"session.created","event_id":"event_001","session":{"type":"realtime","object":"realtime.session","id":"sess_C9G5QJLdV1","model":"gpt-realtime","output_modalities":["audio"],"instructions":"","tools":[],"tool_choice":"auto","max_output_tokens":"inf","expires_at":1795230000}}
---
{"type":"response.output_text.delta","delta":"Par
<html><head><title>502 Bad Gateway</title></head></html>
hello
