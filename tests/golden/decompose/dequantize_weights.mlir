// dequantize of a constant becomes the constant of floats.
// RUN: %ingot opt %s --passes=decompose | %FileCheck %s
// CHECK: dense<[1.0, 2.0]> : tensor<2xf32>
module {
  "ingot.graph"() ({
  ^bb0():
    %0 = "ingot.constant"() {value = dense<[2, 4]> : tensor<2xi8>} : () -> tensor<2xi8>
    %1 = "ingot.constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
    %2 = "ingot.dequantize"(%0, %1) {axis = 0, block = 0, saturate = 1} : (tensor<2xi8>, tensor<f32>) -> tensor<2xf32>
    "ingot.return"(%2) {names = ["y"]} : (tensor<2xf32>) -> ()
  }) {sym_name = "main", param_names = []} : () -> ()
}
