"""pip install torch transformers && python scripts/check_transformers.py models/<name> answers.json

A checkpoint of ours through transformers' AutoTokenizer and AutoModelForCausalLM: token ids equal and
logits within 1e-4 of what answers.json says we computed: [{"text", "ids", "logits" at the last token}].
"""

import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

checkpoint, answers = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(checkpoint)
model, info = AutoModelForCausalLM.from_pretrained(checkpoint, output_loading_info=True)
# A tied lm_head is no tensor of its own: transformers may or may not count it as missing.
strange = [name for name in info["missing_keys"] + info["unexpected_keys"] if name != "lm_head.weight"]
if strange or (info["missing_keys"] and not model.config.tie_word_embeddings):
    sys.exit(f"{checkpoint}: tensors {info['missing_keys']} are missing, {info['unexpected_keys']} too many")
largest = 0.0
for item in json.load(open(answers)):
    ids = tokenizer(item["text"], add_special_tokens=False)["input_ids"]
    if ids != item["ids"]:
        sys.exit(f"{checkpoint}: {item['text']!r} is {ids} to transformers, {item['ids']} to us")
    if tokenizer.decode(ids) != item["text"]:
        sys.exit(f"{checkpoint}: transformers decodes {ids} as {tokenizer.decode(ids)!r}")
    with torch.no_grad():
        logits = model.eval()(torch.tensor([ids])).logits[0, -1]
    largest = max(largest, (logits - torch.tensor(item["logits"])).abs().max().item())
if not largest < 1e-4:
    sys.exit(f"{checkpoint}: logits are up to {largest} apart")
print(f"{checkpoint}: token ids equal, logits at most {largest:.1e} apart")
