// x * clamp(x + 3, 0, 6) / 6.
// RUN: %ingot opt %s --passes=canonicalize,recognize_activations,canonicalize | %FileCheck %s
// CHECK: "ingot.hard_swish"(%0)
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xf32>):
    %1 = "ingot.constant"() {value = dense<3.0> : tensor<f32>} : () -> tensor<f32>
    %2 = "ingot.add"(%0, %1) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %3 = "ingot.constant"() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
    %4 = "ingot.constant"() {value = dense<6.0> : tensor<f32>} : () -> tensor<f32>
    %5 = "ingot.max"(%2, %3) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %6 = "ingot.min"(%5, %4) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %7 = "ingot.mul"(%0, %6) {} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
    %8 = "ingot.div"(%7, %4) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    "ingot.return"(%8) {names = ["y"]} : (tensor<2x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
