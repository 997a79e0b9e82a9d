// x * sigmoid(x), with sigmoid written out.
// RUN: %ingot opt %s --passes=recognize_activations,canonicalize | %FileCheck %s
// CHECK-NOT: ingot.exp
// CHECK: "ingot.silu"(%0)
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xf32>):
    %1 = "ingot.neg"(%0) {} : (tensor<2x4xf32>) -> tensor<2x4xf32>
    %2 = "ingot.exp"(%1) {} : (tensor<2x4xf32>) -> tensor<2x4xf32>
    %3 = "ingot.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
    %4 = "ingot.add"(%2, %3) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %5 = "ingot.div"(%3, %4) {} : (tensor<f32>, tensor<2x4xf32>) -> tensor<2x4xf32>
    %6 = "ingot.mul"(%0, %5) {} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
    "ingot.return"(%6) {names = ["y"]} : (tensor<2x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
