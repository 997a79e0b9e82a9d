// log_sum_exp becomes max, exp, sum and log; an infinite maximum is not subtracted.
// RUN: %ingot opt %s --passes=decompose | %FileCheck %s
// CHECK: kind = "max"
// CHECK: ingot.is_inf
// CHECK: ingot.select
// CHECK: ingot.exp
// CHECK: kind = "sum"
// CHECK: ingot.log
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xf32>):
    %1 = "ingot.reduce"(%0) {kind = "log_sum_exp", axes = [1], keepdims = 0} : (tensor<2x4xf32>) -> tensor<2xf32>
    "ingot.return"(%1) {names = ["y"]} : (tensor<2xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
