/* What the attention operators of all domains share (import_attention.c). */
#ifndef INGOT_FRONTEND_ATTENTION_H
#define INGOT_FRONTEND_ATTENTION_H
#include "frontend/import.h"

/* Operands with the heads apart: q [B, H, M, D], k [B, Hkv, N, D], v [B, Hkv, N, Dv]; bias broadcasts to [B, H, M, N]
 * or is null. */
typedef struct ingot_heads {
    ingot_value *q, *k, *v, *bias;
    const ingot_dim *past; /* keys before the first query's own */
    double scale, softcap;
    bool causal;
} ingot_heads;

/* x [B, T, H * D] as [B, H, T, D], and back. */
ingot_value *ingot_attention_split_heads(ingot_node *n, ingot_value *x, int64_t count);
ingot_value *ingot_attention_merge_heads(ingot_node *n, ingot_value *x);
/* [B, Hkv, N, D] to [B, H, N, D]: each head of the keys serves H / Hkv heads of the queries. */
ingot_value *ingot_attention_repeat_heads(ingot_node *n, ingot_value *x, const ingot_dim *count);
/* start, start + 1...: `count` of them, i64. */
ingot_value *ingot_attention_count_up(ingot_node *n, const ingot_dim *start, const ingot_dim *count);
/* 0 where the condition holds, else minus infinity; key j for query i when j <= past + i; the first lengths[b] keys of
 * sample b. */
ingot_value *ingot_attention_as_bias(ingot_node *n, ingot_value *condition, ingot_dtype dtype);
ingot_value *ingot_attention_causal_bias(ingot_node *n, const ingot_heads *h);
ingot_value *ingot_attention_length_bias(ingot_node *n, ingot_value *lengths, const ingot_heads *h);
ingot_value *ingot_attention_fused(ingot_node *n, const ingot_heads *h);
/* Step by step, for those who want the scores too: mode 0 raw, 1 soft-capped, 2 with bias, 3 after the softmax. */
ingot_value *ingot_attention_spelled_out(ingot_node *n, const ingot_heads *h, int64_t mode, ingot_value **out_scores);
/* Rotary embedding of the first `turned` entries of the heads x [B, H, T, D]; cosines and sines [B, 1, T, turned / 2].
 */
ingot_value *ingot_attention_rotate(ingot_node *n, ingot_value *x, ingot_value *c, ingot_value *s,
                                    const ingot_dim *turned, bool interleaved);
#endif
