"""pip install torch==1.13.1 numpy==1.26.4 && python bench/pytorch/train_step.py

The baseline of bench/train-step.ts: one Coconut train step (arXiv 2412.06769) in eager PyTorch, written
as an efficient reference would be. Keys and values are kept between the passes, the lm_head sees label
positions only, AdamW runs at the end. Prints one line of JSON: wall and processor seconds of each step, and its loss,
which must equal ours: weights and batch follow formulas that both sides compute.
"""

import argparse
import json
import math
import os
import time

# The MKL inside torch 1.13 multiplies matrices several times slower on AMD processors unless told to use
# AVX2, and the baseline must not lose by that. Later versions ignore the variable.
os.environ.setdefault("MKL_DEBUG_CPU_TYPE", "5")

import torch
from torch.nn.functional import cross_entropy, gelu, layer_norm, linear


def parameters(args) -> dict[str, torch.Tensor]:
    """Names and order of src/model/parameters.ts. Matrix n holds 0.05 sin(0.7 i² + n); gains 1, biases 0."""
    D = args.width
    shapes = {"wte": (args.vocab, D), "wpe": (args.positions, D)}
    for l in range(args.layers):
        shapes |= {
            f"{l}.ln_1.weight": (D,), f"{l}.ln_1.bias": (D,),
            f"{l}.attn.weight": (D, 3 * D), f"{l}.attn.bias": (3 * D,),
            f"{l}.proj.weight": (D, D), f"{l}.proj.bias": (D,),
            f"{l}.ln_2.weight": (D,), f"{l}.ln_2.bias": (D,),
            f"{l}.fc.weight": (D, 4 * D), f"{l}.fc.bias": (4 * D,),
            f"{l}.out.weight": (4 * D, D), f"{l}.out.bias": (D,),
        }
    shapes |= {"ln_f.weight": (D,), "ln_f.bias": (D,)}
    made = {}
    for n, (name, shape) in enumerate(shapes.items()):
        i = torch.arange(math.prod(shape), dtype=torch.float64)
        wave = (0.05 * torch.sin(0.7 * i * i + n)).float().reshape(shape)
        constant = torch.full(shape, 1.0 if name.endswith("weight") else 0.0)
        made[name] = (wave if len(shape) == 2 else constant).requires_grad_()
    return made


def make_batch(args) -> torch.Tensor:
    """[B, question + tail] ids; the rows of one group open with the same `context` tokens."""
    row = torch.arange(args.rows)[:, None]
    t = torch.arange(args.question + args.tail)[None]
    per_group = args.rows // args.groups
    source = torch.where(t < args.context, row // per_group, row + args.groups)
    return (31 * source + 7 * t * t) % args.vocab


def gpt2(p: dict, args, x: torch.Tensor, cache: list) -> torch.Tensor:
    """x [B, T, D] at the positions after those in `cache`, which grows; → hidden [B, T, D]."""
    B, T, D = x.shape
    S = cache[0][0].shape[2] if cache[0] else 0
    x = x + p["wpe"][S : S + T]
    causal = torch.full((T, S + T), -torch.inf).triu(S + 1) if T > 1 else None
    norm = lambda x, name: layer_norm(x, (D,), p[f"{name}.weight"], p[f"{name}.bias"])
    affine = lambda x, name: torch.addmm(p[f"{name}.bias"], x.reshape(-1, x.shape[-1]), p[f"{name}.weight"]).view(B, T, -1)
    for l in range(args.layers):
        parts = affine(norm(x, f"{l}.ln_1"), f"{l}.attn").view(B, T, 3, args.heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = parts.unbind()  # [B, H, T, Dh]
        if cache[l]:
            k, v = torch.cat([cache[l][0], k], 2), torch.cat([cache[l][1], v], 2)
        cache[l] = (k, v)
        scores = (q / math.sqrt(q.shape[-1])) @ k.transpose(2, 3)
        weights = torch.softmax(scores if causal is None else scores + causal, -1)
        x = x + affine((weights @ v).transpose(1, 2).reshape(B, T, D), f"{l}.proj")
        x = x + affine(gelu(affine(norm(x, f"{l}.ln_2"), f"{l}.fc"), approximate="tanh"), f"{l}.out")
    return norm(x, "ln_f")


def batch_loss(p: dict, args, ids: torch.Tensor) -> torch.Tensor:
    """Passes: question, every thought but the last, then the last thought together with the tail."""
    cache: list = [()] * args.layers
    state = gpt2(p, args, p["wte"][ids[:, : args.question]], cache)[:, -1:]
    for _ in range(args.thoughts - 1):
        state = gpt2(p, args, state, cache)
    tail = ids[:, args.question :]
    embeddings = p["wte"][tail]
    hidden = gpt2(p, args, torch.cat([state, embeddings], 1) if args.thoughts > 0 else embeddings, cache)
    predicting = hidden[:, -args.tail : -1]  # the first tail token is <eot>, which is no label
    return cross_entropy(linear(predicting, p["wte"]).flatten(0, 1), tail[:, 1:].flatten())


def train_step(p: dict, args, ids: torch.Tensor, optimizer: torch.optim.Optimizer) -> float:
    optimizer.zero_grad(set_to_none=True)
    loss = batch_loss(p, args, ids)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(p.values(), 1.0)
    optimizer.step()
    return loss.item()


def parse_arguments():
    parser = argparse.ArgumentParser()
    defaults = {
        "layers": 3, "width": 144, "heads": 2, "vocab": 600, "positions": 512, "groups": 4, "rows": 32,
        "context": 216, "question": 226, "tail": 24, "thoughts": 3, "threads": 1, "steps": 5,
    }
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()
    torch.set_num_threads(args.threads)
    p, ids = parameters(args), make_batch(args)
    optimizer = torch.optim.AdamW(p.values(), lr=1e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    losses, wall, processor = [train_step(p, args, ids, optimizer)], [], []  # the first warms up, untimed
    for _ in range(args.steps):
        wall_start, processor_start = time.perf_counter(), time.process_time()
        losses.append(train_step(p, args, ids, optimizer))
        wall.append(time.perf_counter() - wall_start)
        processor.append(time.process_time() - processor_start)
    print(json.dumps({"losses": losses, "wallSeconds": wall, "processorSeconds": processor}))


if __name__ == "__main__":
    main()
