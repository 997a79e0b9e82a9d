// Nested bounds become one; a bound of infinity goes; max with 0 is relu.
// RUN: %ingot opt %s --passes=canonicalize | %FileCheck %s
// CHECK-NOT: ingot.max
// CHECK-NOT: ingot.min
// CHECK: "ingot.relu"(%0)
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xf32>):
    %1 = "ingot.constant"() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
    %2 = "ingot.constant"() {value = dense<-1.0> : tensor<f32>} : () -> tensor<f32>
    %3 = "ingot.constant"() {value = dense<0x7F800000> : tensor<f32>} : () -> tensor<f32>
    %4 = "ingot.max"(%0, %2) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %5 = "ingot.max"(%4, %1) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %6 = "ingot.min"(%5, %3) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    "ingot.return"(%6) {names = ["y"]} : (tensor<2x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
