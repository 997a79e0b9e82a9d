// The tanh form of GELU, with x^3 by pow.
// RUN: %ingot opt %s --passes=recognize_activations,canonicalize | %FileCheck %s
// CHECK: "ingot.gelu_tanh"(%0)
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xf32>):
    %1 = "ingot.constant"() {value = dense<3.0> : tensor<f32>} : () -> tensor<f32>
    %2 = "ingot.pow"(%0, %1) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %3 = "ingot.constant"() {value = dense<0.044715> : tensor<f32>} : () -> tensor<f32>
    %4 = "ingot.mul"(%2, %3) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %5 = "ingot.add"(%0, %4) {} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
    %6 = "ingot.constant"() {value = dense<0.797884583> : tensor<f32>} : () -> tensor<f32>
    %7 = "ingot.mul"(%5, %6) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %8 = "ingot.tanh"(%7) {} : (tensor<2x4xf32>) -> tensor<2x4xf32>
    %9 = "ingot.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
    %10 = "ingot.add"(%8, %9) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %11 = "ingot.constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
    %12 = "ingot.mul"(%0, %11) {} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %13 = "ingot.mul"(%12, %10) {} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
    "ingot.return"(%13) {names = ["y"]} : (tensor<2x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
