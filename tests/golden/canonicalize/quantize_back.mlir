// A whole float in the range of bytes is the same after a cast to bytes and back.
// RUN: %ingot opt %s --passes=canonicalize | %FileCheck %s
// CHECK-NOT: ingot.cast
// CHECK: "ingot.min"
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xf32>):
    %1 = "ingot.constant"() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
    %2 = "ingot.constant"() {value = dense<255.0> : tensor<f32>} : () -> tensor<f32>
    %3 = "ingot.round"(%0) {} : (tensor<2x4xf32>) -> tensor<2x4xf32>
    %4 = "ingot.max"(%3, %1) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %5 = "ingot.min"(%4, %2) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %6 = "ingot.cast"(%5) {to = 2, saturate = 1} : (tensor<2x4xf32>) -> tensor<2x4xui8>
    %7 = "ingot.cast"(%6) {to = 1, saturate = 1} : (tensor<2x4xui8>) -> tensor<2x4xf32>
    "ingot.return"(%7) {names = ["y"]} : (tensor<2x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
