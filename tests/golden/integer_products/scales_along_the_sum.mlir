// Scales that differ along the summed axis cannot come after the sum: the product stays one of floats.
// RUN: %ingot opt %s --passes=integer_products | %FileCheck %s
// CHECK-NOT: matmul_integer
// CHECK: "ingot.matmul"
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<4x2xui8>):
    %1 = "ingot.constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
    %2 = "ingot.dequantize"(%0, %1) {axis = 0, block = 0, saturate = 1} : (tensor<4x2xui8>, tensor<f32>) -> tensor<4x2xf32>
    %3 = "ingot.constant"() {value = dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi8>} : () -> tensor<2x3xi8>
    %4 = "ingot.constant"() {value = dense<[0.25, 0.125]> : tensor<2xf32>} : () -> tensor<2xf32>
    %5 = "ingot.dequantize"(%3, %4) {axis = 0, block = 0, saturate = 1} : (tensor<2x3xi8>, tensor<2xf32>) -> tensor<2x3xf32>
    %6 = "ingot.matmul"(%2, %5) {trans_a = 0, trans_b = 0} : (tensor<4x2xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
    "ingot.return"(%6) {names = ["y"]} : (tensor<4x3xf32>) -> ()
  }) {sym_name = "main", param_names = ["x"]} : () -> ()
}
