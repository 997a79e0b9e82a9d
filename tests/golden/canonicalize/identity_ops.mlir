// x * 1, x - 0, x / 1 and a cast to the same type go.
// RUN: %ingot opt %s --passes=canonicalize | %FileCheck %s
// CHECK: ^bb0(%0:
// CHECK-NEXT: "ingot.return"(%0)
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xf32>):
    %1 = "ingot.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
    %2 = "ingot.constant"() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
    %3 = "ingot.mul"(%0, %1) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %4 = "ingot.sub"(%3, %2) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %5 = "ingot.div"(%4, %1) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %6 = "ingot.cast"(%5) {to = 1, saturate = 1} : (tensor<2x4xf32>) -> tensor<2x4xf32>
    "ingot.return"(%6) {names = ["y"]} : (tensor<2x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
