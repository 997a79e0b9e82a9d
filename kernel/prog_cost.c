/* What scalar programs cost: instructions of a vector of results. */
#include "kernel/kernel.h"

int ingot_scalar_op_cost(ingot_scalar op)
{
    switch (op) {
    case INGOT_SCALAR_exp:
        return 15;
    case INGOT_SCALAR_log:
        return 20;
    case INGOT_SCALAR_sigmoid:
    case INGOT_SCALAR_silu:
    case INGOT_SCALAR_gelu_tanh:
        return 22;
    case INGOT_SCALAR_tanh:
        return 28;
    case INGOT_SCALAR_erf:
    case INGOT_SCALAR_gelu:
        return 36;
    case INGOT_SCALAR_sin:
    case INGOT_SCALAR_cos:
    case INGOT_SCALAR_softplus:
        return 45;
    case INGOT_SCALAR_pow:
        return 90;
    case INGOT_SCALAR_sqrt:
    case INGOT_SCALAR_rsqrt:
    case INGOT_SCALAR_reciprocal:
    case INGOT_SCALAR_div:
        return 5;
    case INGOT_SCALAR_mod:
    case INGOT_SCALAR_fmod:
        return 20;
    default:
        return 1;
    }
}

int ingot_prog_cost(const ingot_prog *prog)
{
    int cost = 0;
    for (int i = 0; i < prog->n_instrs; i++)
        cost += prog->instrs[i].op == INGOT_SCALAR_const ? 0 : ingot_scalar_op_cost((ingot_scalar)prog->instrs[i].op);
    return cost;
}
