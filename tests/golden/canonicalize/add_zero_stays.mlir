// x + 0 stays: it makes 0 of -0.
// RUN: %ingot opt %s --passes=canonicalize | %FileCheck %s
// CHECK: "ingot.add"
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xf32>):
    %1 = "ingot.constant"() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
    %2 = "ingot.add"(%0, %1) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    "ingot.return"(%2) {names = ["y"]} : (tensor<2x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
