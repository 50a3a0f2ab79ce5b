"""Writes a tokenizer that knows one word into a folder: word_tokenizer.py FOLDER.

Tools that count tokens fetch a tokenizer from a hub, even where the server counts: this one needs no network.
"""

import sys

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

words = Tokenizer(models.WordLevel({"[UNK]": 0, "hello": 1}, unk_token="[UNK]"))
words.pre_tokenizer = pre_tokenizers.Whitespace()
special = dict.fromkeys(("unk_token", "bos_token", "eos_token"), "[UNK]")
PreTrainedTokenizerFast(tokenizer_object=words, **special).save_pretrained(sys.argv[1])
