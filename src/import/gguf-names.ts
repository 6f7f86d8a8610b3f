// What llama.cpp calls the parameters of GPT-2 and Llama in a GGUF file.

const wholeNames: Readonly<Record<string, string>> = {
  'transformer.wte.weight': 'token_embd.weight',
  'transformer.wpe.weight': 'position_embd.weight',
  'transformer.ln_f.weight': 'output_norm.weight',
  'transformer.ln_f.bias': 'output_norm.bias',
  'model.embed_tokens.weight': 'token_embd.weight',
  'model.norm.weight': 'output_norm.weight',
  'lm_head.weight': 'output.weight',
};

const blockNames: Readonly<Record<string, string>> = {
  ln_1: 'attn_norm',
  'attn.c_attn': 'attn_qkv',
  'attn.c_proj': 'attn_output',
  ln_2: 'ffn_norm',
  'mlp.c_fc': 'ffn_up',
  'mlp.c_proj': 'ffn_down',
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
};

/** @param name transformers' name of a parameter; throws for one that llama.cpp has none for */
export function ggufName(name: string): string {
  const [, layer, part, kind] =
    /^(?:transformer\.h|model\.layers)\.(\d+)\.(.+)\.(weight|bias)$/.exec(name) ?? [];
  const known = part === undefined ? wholeNames[name] : blockNames[part];
  if (known === undefined) throw new Error(`llama.cpp has no tensor for "${name}"`);
  return part === undefined ? known : `blk.${layer}.${known}.${kind}`;
}
