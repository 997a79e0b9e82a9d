// lrn with another power than 0.75 keeps it.
// RUN: %ingot opt %s --passes=decompose | %FileCheck %s
// CHECK: "ingot.avg_pool"{{.*}}kernel = [5, 1]{{.*}}pads = [2, 0, 2, 0]
// CHECK: ingot.pow
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1x8x2x2xf32>):
    %1 = "ingot.lrn"(%0) {size = 5, alpha = 0.0001, beta = 0.6, bias = 1.0} : (tensor<1x8x2x2xf32>) -> tensor<1x8x2x2xf32>
    "ingot.return"(%1) {names = ["y"]} : (tensor<1x8x2x2xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
