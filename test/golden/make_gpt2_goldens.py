"""pip install torch==1.13.1 numpy==1.26.4 transformers==4.40.2 && python test/golden/make_gpt2_goldens.py

An independent statement of GPT-2 with continuous thoughts (Hao et al. 2024, arXiv 2412.06769), for
tests to compare with. Deliberately naive: every item alone, no padding, no cache, the whole prefix
computed again for each thought. Hugging Face's GPT2LMHeadModel does the arithmetic, in float64, so
that the printed digits are the same on every machine.

Writes gpt2-weights.json and gpt2-{0,1,3}-thoughts.json beside this file.
"""

import json
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from transformers import GPT2Config, GPT2LMHeadModel

# All sizes differ, so that a swapped axis cannot go unseen.
VOCAB, POSITIONS, WIDTH, LAYERS, HEADS = 37, 32, 12, 2, 3
EOS, BOT, EOT = 34, 35, 36
IGNORED = -100
TRAIN_STEPS = 10
# Large enough that a decay on the wrong tensor exceeds any tolerance for rounding.
LEARNING_RATE, WEIGHT_DECAY, CLIP_NORM = 3e-3, 0.1, 1.0
# Text per item: the opening it shares with its pair, then its own question, then the remaining steps.
CONTEXT_LENGTHS, QUESTION_LENGTHS, TAIL_LENGTHS = [4, 1], [5, 2, 6, 0], [5, 2, 8, 3]
# One of each kind is recorded whole after training, of the others how far they moved: the files stay small.
RECORDED_AFTER_TRAINING = [
    "transformer.wpe.weight", "transformer.h.1.attn.c_proj.weight",
    "transformer.h.1.ln_2.weight", "transformer.h.1.mlp.c_fc.bias",
]


def make_model() -> GPT2LMHeadModel:
    """Weights of three decimals, exact in JSON; biases and gains far from 0 and 1."""
    config = GPT2Config(
        vocab_size=VOCAB, n_positions=POSITIONS, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS,
        attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0,
        bos_token_id=EOS, eos_token_id=EOS, attn_implementation="eager",
    )
    model = GPT2LMHeadModel(config).double().eval()
    generator = torch.Generator().manual_seed(2412)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        gain = ".ln_" in name and name.endswith("weight")
        value = 1 + 0.3 * noise if gain else 0.35 * noise
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


def forward(model: GPT2LMHeadModel, item: dict, thoughts: int):
    """Returns labels (one per position), logits [positions, V] and thoughts [K, D] of one item."""
    embed = lambda ids: model.transformer.wte(torch.tensor(ids))
    states = lambda sequence: model.transformer(inputs_embeds=sequence[None]).last_hidden_state[0]
    sequence = embed(item["question"])
    for _ in range(thoughts):
        sequence = torch.cat([sequence, states(sequence)[-1:]])
    first = len(item["question"])
    found = sequence[first:]
    sequence = torch.cat([sequence, embed(item["tail"])])
    labels = [IGNORED] * (first + thoughts + 1) + item["tail"][1:]
    return torch.tensor(labels), model.lm_head(states(sequence)), found


def batch_loss(model: GPT2LMHeadModel, items: list[dict], thoughts: int) -> torch.Tensor:
    """Mean cross entropy over all labels of all items."""
    total, count = 0.0, 0
    for item in items:
        labels, logits, _ = forward(model, item, thoughts)
        total = total + cross_entropy(logits[:-1], labels[1:], ignore_index=IGNORED, reduction="sum")
        count += int((labels != IGNORED).sum())
    return total / count


def train(items: list[dict], thoughts: int, decay: str, clip_norm: float | None) -> dict:
    model = make_model()
    is_matrix = lambda name, p: p.ndim == 2 and ".wte." not in name and ".wpe." not in name
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
    before, after = [{n: p.detach() for n, p in m.named_parameters()} for m in (make_model(), model)]
    return {
        "optimizer": {"learningRate": LEARNING_RATE, "weightDecay": WEIGHT_DECAY, "decay": decay, "clipNorm": clip_norm},
        "losses": losses,
        "gradNorms": norms,
        "parameters": {name: after[name] for name in RECORDED_AFTER_TRAINING},
        "distances": {name: (after[name] - before[name]).norm().item() for name in after},
    }


def golden(thoughts: int) -> dict:
    model, items = make_model(), make_items()
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
        "runs": [train(items, thoughts, "all", None), train(items, thoughts, "matrices", CLIP_NORM)],
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
    model = make_model()
    config = {
        "model_type": "gpt2", "vocab_size": VOCAB, "n_positions": POSITIONS, "n_embd": WIDTH,
        "n_layer": LAYERS, "n_head": HEADS, "bos_token_id": EOS, "eos_token_id": EOS,
    }
    weights = {name: p.detach() for name, p in model.named_parameters()}
    write("gpt2-weights.json", plain({"config": config, "bot": BOT, "eot": EOT, "weights": weights}))
    for thoughts in (0, 1, 3):
        write(f"gpt2-{thoughts}-thoughts.json", plain(golden(thoughts)))


if __name__ == "__main__":
    main()
