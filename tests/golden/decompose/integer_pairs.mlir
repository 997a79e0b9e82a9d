// Without VNNI, products of bytes become products of 16 bits less their zero points; who reads the bytes as floats gets
// them from there.
// RUN: %ingot opt %s --passes=decompose,canonicalize --cpu=x86-64-v3 | %FileCheck %s
// CHECK: %[[A:.*]] = "ingot.sub"({{.*}}tensor<2x4xi16>
// CHECK: "ingot.constant"() {value = dense<{{\[\[}}-1, 0]{{.*}}tensor<4x2xi16>
// CHECK: "ingot.matmul_integer"(%[[A]], %{{[0-9]+}}) : (tensor<2x4xi16>, tensor<4x2xi16>) -> tensor<2x2xi32>
// CHECK: "ingot.cast"(%[[A]]) {to = 1
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xui8>):
    %1 = "ingot.constant"() {value = dense<3> : tensor<ui8>} : () -> tensor<ui8>
    %2 = "ingot.constant"() {value = dense<[[1, 2], [3, 4], [5, 6], [7, 8]]> : tensor<4x2xui8>} : () -> tensor<4x2xui8>
    %3 = "ingot.constant"() {value = dense<2> : tensor<ui8>} : () -> tensor<ui8>
    %4 = "ingot.matmul_integer"(%0, %2, %1, %3) : (tensor<2x4xui8>, tensor<4x2xui8>, tensor<ui8>, tensor<ui8>) -> tensor<2x2xi32>
    %5 = "ingot.cast"(%0) {to = 1, saturate = 1} : (tensor<2x4xui8>) -> tensor<2x4xf32>
    "ingot.return"(%4, %5) {names = ["y", "z"]} : (tensor<2x2xi32>, tensor<2x4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x"]} : () -> ()
}
