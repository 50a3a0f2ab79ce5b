{"type":"session.created","event_id":"event_001","session":{"type":"realtime","object":"realtime.session","id":"sess_C9G5QJLdV1","model":"gpt-realtime","output_modalities":["audio"],"instructions":"","tools":[],"tool_choice":"auto","max_output_tokens":"inf","expires_at":1795230000}}
---
{"type":"response.created","event_id":"event_002","response":{"status":"in_progress"}}
{"type":"response.output_text.delta","event_id":"event_003","delta":"Hi"}
{"type":"response.output_text.delta","event_id":"event_004","delta":""}
{"type":"response.done","event_id":"event_005","response":{"status":"completed"}}
