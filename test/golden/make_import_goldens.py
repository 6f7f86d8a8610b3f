"""pip install torch==1.13.1 numpy==1.26.4 transformers==4.40.2 && python test/golden/make_import_goldens.py

Small seeded models as transformers and facebookresearch/coconut save them, and what they answer: logits
after 0, 1 and 6 continuous thoughts, each item alone and without a cache. The markers are added here as
the reference adds them, by transformers' own methods, so that an import has something to be equal to.

Writes import/{gpt2,gpt2-untied,coconut,llama3,llama}/ and import/<name>.json beside this file.
"""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    AutoTokenizer, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast,
)

HERE = Path(__file__).parent / "import"
MARKERS = ["<|start-latent|>", "<|end-latent|>", "<|latent|>"]
QUESTIONS = ["Every wumpus is a dumpus. Is Tom one?\n", "Héllo, it's 12345 + 6…  12\n"]
ANSWER = "### the"
MERGES = [("<", "<"), (">", ">"), ("#", "#"), ("##", "#"), ("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("u", "s"), ("i", "s"), ("1", "2")]
# Llama 3's own pattern, as its tokenizer.json has it.
LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
ROPE_SCALING = {
    "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}


def vocabulary(specials: list[str]) -> dict[str, int]:
    words = sorted(pre_tokenizers.ByteLevel.alphabet()) + [left + right for left, right in MERGES] + specials
    return {word: i for i, word in enumerate(words)}


def write_gpt2_vocabulary(folder: Path) -> None:
    """As GPT-2's first release: two files, and nothing that says which tokens are special."""
    (folder / "vocab.json").write_text(json.dumps(vocabulary(["<|endoftext|>"]), ensure_ascii=False))
    merges = "\n".join(f"{left} {right}" for left, right in MERGES)
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n")


def write_llama3_tokenizer(folder: Path) -> None:
    specials = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary([]), merges=MERGES, ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3_SPLIT), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(specials)
    bos = specials[0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A", special_tokens=[(bos, tokenizer.token_to_id(bos))],
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=bos, eos_token="<|eot_id|>", clean_up_tokenization_spaces=False,
    ).save_pretrained(folder)


def randomized(model, seed: int):
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        gain = ("ln_" in name or "norm" in name) and name.endswith("weight")
        parameter.data.copy_(1 + 0.3 * noise if gain else 0.2 * noise)
    return model.eval()


def gpt2(tied: bool, seed: int):
    size = len(vocabulary(["<|endoftext|>"]))
    config = GPT2Config(
        vocab_size=size, n_positions=96, n_embd=12, n_layer=2, n_head=3, bos_token_id=size - 1, eos_token_id=size - 1,
        tie_word_embeddings=tied, attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0,
    )
    return randomized(GPT2LMHeadModel(config), seed)


def llama(size: int, seed: int, **changes):
    config = LlamaConfig(
        vocab_size=size, max_position_embeddings=96, hidden_size=24, intermediate_size=20, num_hidden_layers=2,
        num_attention_heads=6, num_key_value_heads=2, rms_norm_eps=1e-5,
        bos_token_id=266, eos_token_id=[267, 268], **changes,
    )
    return randomized(LlamaForCausalLM(config), seed)


def stretch_rotary(model, scaling: dict) -> None:
    """Llama 3.1's frequencies, stated here on their own: transformers 4.40 is older than they are."""
    rotary = model.model.layers[0].self_attn.rotary_emb
    frequencies = rotary.inv_freq.double()
    wavelengths = 2 * torch.pi / frequencies
    original, low, high = (
        scaling["original_max_position_embeddings"], scaling["low_freq_factor"], scaling["high_freq_factor"],
    )
    smooth = (original / wavelengths - low) / (high - low)
    blended = (1 - smooth) * frequencies / scaling["factor"] + smooth * frequencies
    slow = wavelengths > original / low
    fast = wavelengths < original / high
    stretched = torch.where(slow, frequencies / scaling["factor"], torch.where(fast, frequencies, blended))
    for layer in model.model.layers:
        layer.self_attn.rotary_emb.inv_freq = stretched


def with_markers(model, tokenizer):
    tokenizer.add_tokens(MARKERS)
    model.resize_token_embeddings(len(tokenizer))
    target = tokenizer.convert_tokens_to_ids("<<")
    for marker in MARKERS:
        row = tokenizer.convert_tokens_to_ids(marker)
        model.get_input_embeddings().weight.data[row] = model.get_input_embeddings().weight.data[target]
        model.lm_head.weight.data[row] = model.lm_head.weight.data[target]


def answer(model, tokenizer, question: str, thoughts: int) -> dict:
    """Logits at <eot> and at the end of the answer's first words."""
    embed = lambda ids: model.get_input_embeddings()(torch.tensor(ids))
    states = lambda sequence: model.base_model(inputs_embeds=sequence[None]).last_hidden_state[0]
    encode = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
    start, end, _ = [tokenizer.convert_tokens_to_ids(marker) for marker in MARKERS]
    question_ids, answer_ids = encode(question), encode(ANSWER)
    sequence = embed(question_ids + [start])
    for _ in range(thoughts):
        sequence = torch.cat([sequence, states(sequence)[-1:]])
    sequence = torch.cat([sequence, embed([end] + answer_ids)])
    logits = model.lm_head(states(sequence))
    return {
        "question": question, "answer": ANSWER, "thoughts": thoughts,
        "questionIds": question_ids, "answerIds": answer_ids,
        "logits": [[float(f"{value:.6g}") for value in row.tolist()] for row in logits[[-1 - len(answer_ids), -1]]],
    }


def write_golden(name: str, model, tokenizer) -> None:
    with_markers(model, tokenizer)
    write_items(name, model, tokenizer)


def write_items(name: str, model, tokenizer) -> None:
    """In float64: the printed digits are the same on every machine."""
    model.double()
    if name == "llama3":
        stretch_rotary(model, ROPE_SCALING)
    markers = {marker: tokenizer.convert_tokens_to_ids(marker) for marker in MARKERS}
    with torch.no_grad():
        items = [answer(model, tokenizer, question, k) for question in QUESTIONS for k in (0, 1, 6)]
    lines = ",\n  ".join(json.dumps(item, ensure_ascii=False) for item in items)
    (HERE / f"{name}.json").write_text(f'{{\n "markers": {json.dumps(markers)},\n "items": [\n  {lines}\n]}}\n')


def fresh(name: str) -> Path:
    shutil.rmtree(HERE / name, ignore_errors=True)
    (HERE / name).mkdir(parents=True)
    return HERE / name


def write_coconut() -> None:
    """run.py's checkpoint: the wrapper's state dict, tied rows and the embedding's alias included."""
    folder, model = fresh("coconut"), gpt2(tied=True, seed=3)
    write_gpt2_vocabulary(folder)
    model.config.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with_markers(model, tokenizer)
    # Trained on, so that the markers differ from where they started.
    randomized(model, seed=4)
    state = {f"base_causallm.{name}": tensor for name, tensor in model.state_dict().items()}
    state["embedding.weight"] = model.get_input_embeddings().weight
    save_file({name: tensor.clone() for name, tensor in state.items()}, folder / "checkpoint_33.safetensors")
    write_items("coconut", model, tokenizer)


def main() -> None:
    torch.set_num_threads(1)
    for name, tied, seed in [("gpt2", True, 1), ("gpt2-untied", False, 2)]:
        folder, model = fresh(name), gpt2(tied, seed)
        write_gpt2_vocabulary(folder)
        model.save_pretrained(folder)
        write_golden(name, model, AutoTokenizer.from_pretrained(folder))
    write_coconut()
    folder = fresh("llama3")
    write_llama3_tokenizer(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = llama(len(tokenizer), seed=5, rope_theta=500.0, tie_word_embeddings=True)
    model.save_pretrained(folder, max_shard_size="20KB")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "rope_scaling": ROPE_SCALING}, indent=2) + "\n")
    write_golden("llama3", model, tokenizer)
    folder = fresh("llama")
    write_llama3_tokenizer(folder)
    # Rows that no token has, as matrices are padded with.
    model = llama(len(tokenizer) + 5, seed=6, rope_theta=100.0)
    model.half().save_pretrained(folder)
    # Read anew: half() has rounded the rotations too, which are in no file.
    model = LlamaForCausalLM.from_pretrained(folder, torch_dtype=torch.float32).eval()
    write_golden("llama", model, AutoTokenizer.from_pretrained(folder))


if __name__ == "__main__":
    main()
