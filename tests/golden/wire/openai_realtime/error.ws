{"type":"session.created","event_id":"event_001","session":{"type":"realtime","object":"realtime.session","id":"sess_C9G5QJLdV1","model":"gpt-realtime","output_modalities":["audio"],"instructions":"","tools":[],"tool_choice":"auto","max_output_tokens":"inf","expires_at":1795230000}}
---
{"type":"error","event_id":"event_002","error":{"type":"invalid_request_error","code":"invalid_value","message":"Invalid value: 'txet'.","param":"response.output_modalities","event_id":null}}
