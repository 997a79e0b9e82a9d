/* What ingot_model_get_info keeps for a model, until it is forgotten. */
#ifndef INGOT_RUNTIME_MODEL_INFO_H
#define INGOT_RUNTIME_MODEL_INFO_H
#include "runtime/plan.h"

/* Frees the model's info; pointers to it are invalid then. For models that are closed or were made in memory. */
void ingot_model_forget(const ingot_model *model);
#endif
