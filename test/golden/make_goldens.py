"""pip install torch==1.13.1 numpy==1.26.4 transformers==4.40.2 && python test/golden/make_goldens.py

An independent statement of continuous thoughts (Hao et al. 2024, arXiv 2412.06769) in GPT-2 and Llama,
for tests to compare with. Deliberately naive: every item alone, no padding, no cache, the whole prefix
computed again for each thought. Hugging Face's classes do the arithmetic, in float64, so that the
printed digits are the same on every machine.

So are the controls: pauses after the question, and pauses or zeros between the markers, all in one pass.

Writes {gpt2,llama}-weights.json, {gpt2,llama}-{0,1,3}-thoughts.json and {gpt2,llama}-{pause,pause-pass,zero}.json
beside this file.
"""

import json
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedModel

# All sizes differ, so that a swapped axis cannot go unseen.
VOCAB, POSITIONS = 37, 32
CONFIGS = {
    "gpt2": {"n_positions": POSITIONS, "n_embd": 12, "n_layer": 2, "n_head": 3},
    "llama": {
        "max_position_embeddings": POSITIONS, "hidden_size": 24, "intermediate_size": 20, "num_hidden_layers": 2,
        "num_attention_heads": 6, "num_key_value_heads": 2, "rope_theta": 100.0, "rms_norm_eps": 1e-5,
        "tie_word_embeddings": False,
    },
}
EOS, BOT, EOT = 34, 35, 36
PAUSE, PAUSES = 31, 3  # a word that no item has
IGNORED = -100
TRAIN_STEPS = 10
# Large enough that a decay on the wrong tensor exceeds any tolerance for rounding.
LEARNING_RATE, WEIGHT_DECAY, CLIP_NORM = 3e-3, 0.1, 1.0
# Text per item: the opening it shares with its pair, then its own question, then the remaining steps.
CONTEXT_LENGTHS, QUESTION_LENGTHS, TAIL_LENGTHS = [4, 1], [5, 2, 6, 0], [5, 2, 8, 3]
# One of each kind is recorded whole after training, of the others how far they moved: the files stay small.
RECORDED_AFTER_TRAINING = {
    "gpt2": [
        "transformer.wpe.weight", "transformer.h.1.attn.c_proj.weight",
        "transformer.h.1.ln_2.weight", "transformer.h.1.mlp.c_fc.bias",
    ],
    "llama": [
        "lm_head.weight", "model.layers.0.self_attn.k_proj.weight",
        "model.layers.1.post_attention_layernorm.weight", "model.layers.1.mlp.gate_proj.weight",
    ],
}
# Small enough that thoughts do not amplify the rounding of float32 beyond comparison.
SPREADS = {"gpt2": 0.35, "llama": 0.2}
TABLES = (".wte.", ".wpe.", "embed_tokens", "lm_head")


def make_model(architecture: str) -> PreTrainedModel:
    """Weights of three decimals, exact in JSON; biases and gains far from 0 and 1."""
    common = {"vocab_size": VOCAB, "bos_token_id": EOS, "eos_token_id": EOS, "attn_implementation": "eager"}
    sizes = CONFIGS[architecture]
    if architecture == "gpt2":
        model = GPT2LMHeadModel(GPT2Config(attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0, **sizes, **common))
    else:
        model = LlamaForCausalLM(LlamaConfig(**sizes, **common))
    model = model.double().eval()
    generator = torch.Generator().manual_seed(2412)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        gain = (".ln_" in name or "norm" in name) and name.endswith("weight")
        value = 1 + 0.3 * noise if gain else SPREADS[architecture] * noise
        # Through float32, so that a float32 reader of the JSON computes with the very same weights.
        parameter.data.copy_((value * 1000).round().div(1000).float().double())
    return model


def make_items() -> list[dict]:
    """question ends at <bot>; tail is <eot>, text, <eos>; labels are the text and <eos>."""
    generator = torch.Generator().manual_seed(6769)
    text = lambda n: torch.randint(0, EOS, (n,), generator=generator).tolist()
    contexts = [text(n) for n in CONTEXT_LENGTHS]
    return [
        {
            "contextLength": len(contexts[i // 2]),
            "question": contexts[i // 2] + text(q) + [BOT],
            "tail": [EOT] + text(t) + [EOS],
        }
        for i, (q, t) in enumerate(zip(QUESTION_LENGTHS, TAIL_LENGTHS))
    ]


def control_forward(model: PreTrainedModel, item: dict, filler: str):
    """Returns labels and logits of one item with pauses or zeros in place of thoughts; a bare pause has no markers."""
    embed = lambda ids: model.get_input_embeddings()(torch.tensor(ids))
    question, tail = (item["question"][:-1], item["tail"][1:]) if filler == "pause" else (item["question"], item["tail"])
    fed = embed([PAUSE] * PAUSES)
    sequence = torch.cat([embed(question), torch.zeros_like(fed) if filler == "zero" else fed, embed(tail)])
    labels = [IGNORED] * (len(sequence) - len(item["tail"]) + 1) + item["tail"][1:]
    return torch.tensor(labels), model(inputs_embeds=sequence[None]).logits[0]


def control(architecture: str, filler: str) -> dict:
    model, items = make_model(architecture), make_items()
    assert all(PAUSE not in item["question"] + item["tail"] for item in items), f"{PAUSE} is a word of the items"
    total, count = 0.0, 0
    for item in items:
        labels, logits = control_forward(model, item, filler)
        total = total + cross_entropy(logits[:-1], labels[1:], ignore_index=IGNORED, reduction="sum")
        count += int((labels != IGNORED).sum())
    loss = total / count
    loss.backward()
    gradients = {name: p.grad for name, p in model.named_parameters()}
    return {"filler": filler, "pause": PAUSE, "count": PAUSES, "items": items, "loss": loss.item(), "gradients": gradients}


def forward(model: PreTrainedModel, item: dict, thoughts: int):
    """Returns labels (one per position), logits [positions, V] and thoughts [K, D] of one item."""
    embed = lambda ids: model.get_input_embeddings()(torch.tensor(ids))
    states = lambda sequence: model.base_model(inputs_embeds=sequence[None]).last_hidden_state[0]
    sequence = embed(item["question"])
    for _ in range(thoughts):
        sequence = torch.cat([sequence, states(sequence)[-1:]])
    first = len(item["question"])
    found = sequence[first:]
    sequence = torch.cat([sequence, embed(item["tail"])])
    labels = [IGNORED] * (first + thoughts + 1) + item["tail"][1:]
    return torch.tensor(labels), model.lm_head(states(sequence)), found


def batch_loss(model: PreTrainedModel, items: list[dict], thoughts: int) -> torch.Tensor:
    """Mean cross entropy over all labels of all items."""
    total, count = 0.0, 0
    for item in items:
        labels, logits, _ = forward(model, item, thoughts)
        total = total + cross_entropy(logits[:-1], labels[1:], ignore_index=IGNORED, reduction="sum")
        count += int((labels != IGNORED).sum())
    return total / count


def train(architecture: str, items: list[dict], thoughts: int, decay: str, clip_norm: float | None) -> dict:
    model = make_model(architecture)
    is_matrix = lambda name, p: p.ndim == 2 and not any(table in name for table in TABLES)
    decayed = [p for n, p in model.named_parameters() if decay == "all" or is_matrix(n, p)]
    spared = [p for n, p in model.named_parameters() if not (decay == "all" or is_matrix(n, p))]
    groups = [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": spared, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=LEARNING_RATE, betas=(0.9, 0.999), eps=1e-8)
    losses, norms = [], []
    for _ in range(TRAIN_STEPS):
        optimizer.zero_grad()
        loss = batch_loss(model, items, thoughts)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm or float("inf")).item())
        optimizer.step()
        losses.append(loss.item())
    assert clip_norm is None or all(norm > clip_norm for norm in norms), f"clipping never bites: {norms}"
    before, after = [{n: p.detach() for n, p in m.named_parameters()} for m in (make_model(architecture), model)]
    return {
        "optimizer": {"learningRate": LEARNING_RATE, "weightDecay": WEIGHT_DECAY, "decay": decay, "clipNorm": clip_norm},
        "losses": losses,
        "gradNorms": norms,
        "parameters": {name: after[name] for name in RECORDED_AFTER_TRAINING[architecture]},
        "distances": {name: (after[name] - before[name]).norm().item() for name in after},
    }


def golden(architecture: str, thoughts: int) -> dict:
    model, items = make_model(architecture), make_items()
    records = []
    for item in items:
        labels, logits, found = forward(model, item, thoughts)
        predicting = (labels[1:] != IGNORED).nonzero()[:, 0]
        records.append({**item, "labels": labels.tolist(), "logits": logits[predicting], "thoughts": found})
    loss = batch_loss(model, items, thoughts)
    loss.backward()
    return {
        "thoughts": thoughts,
        "items": records,
        "loss": loss.item(),
        "gradients": {name: p.grad for name, p in model.named_parameters()},
        "runs": [
            train(architecture, items, thoughts, "all", None),
            train(architecture, items, thoughts, "matrices", CLIP_NORM),
        ],
    }


def plain(value, digits: int = 9):
    """Tensors → nested lists of 6 significant digits, single numbers → 9; rounding noise → 0."""
    if isinstance(value, torch.Tensor):
        return plain(value.tolist(), 6)
    if isinstance(value, dict):
        return {key: plain(entry, digits) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry, digits) for entry in value]
    if not isinstance(value, float):
        return value
    rounded = 0.0 if abs(value) < 1e-12 else float(f"{value:.{digits}g}")
    return int(rounded) if rounded == int(rounded) else rounded


def lines(value, depth: int = 0) -> str:
    """JSON with one object entry per line, so that a changed tensor is one changed line."""
    if isinstance(value, dict):
        open_, close, parts = "{", "}", [f"{json.dumps(k)}:{lines(v, depth + 1)}" for k, v in value.items()]
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        open_, close, parts = "[", "]", [lines(v, depth + 1) for v in value]
    else:
        return json.dumps(value, separators=(",", ":"))
    pad = "\n" + " " * (depth + 1)
    return open_ + pad + ("," + pad).join(parts) + "\n" + " " * depth + close


def write(name: str, value: dict) -> None:
    path = Path(__file__).parent / name
    path.write_text(lines(value) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


def main() -> None:
    torch.set_num_threads(1)
    for architecture, sizes in CONFIGS.items():
        model = make_model(architecture)
        config = {
            "model_type": architecture, "vocab_size": VOCAB, **sizes, "bos_token_id": EOS, "eos_token_id": EOS,
        }
        weights = {name: p.detach() for name, p in model.named_parameters()}
        write(f"{architecture}-weights.json", plain({"config": config, "bot": BOT, "eot": EOT, "weights": weights}))
        for thoughts in (0, 1, 3):
            write(f"{architecture}-{thoughts}-thoughts.json", plain(golden(architecture, thoughts)))
        for filler in ("pause", "pause-pass", "zero"):
            write(f"{architecture}-{filler}.json", plain(control(architecture, filler)))


if __name__ == "__main__":
    main()
