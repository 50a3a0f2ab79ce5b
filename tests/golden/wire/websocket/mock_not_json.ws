---
plain words
{"type":"tok
[1,2]
7
