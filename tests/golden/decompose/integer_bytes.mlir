// With VNNI, bytes are multiplied as they are, and what the zero point adds comes off the sums: 3 * (1 + 3 + 5 + 7).
// RUN: %ingot opt %s --passes=decompose,canonicalize --cpu=znver4 | %FileCheck %s
// CHECK: %[[SUM:.*]] = "ingot.matmul_integer"(%0, %{{[0-9]+}}) : (tensor<2x4xui8>, tensor<4x2xi8>) -> tensor<2x2xi32>
// CHECK: dense<[48, 60]> : tensor<2xi32>
// CHECK: "ingot.sub"(%[[SUM]],
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x4xui8>):
    %1 = "ingot.constant"() {value = dense<3> : tensor<ui8>} : () -> tensor<ui8>
    %2 = "ingot.constant"() {value = dense<[[1, 2], [3, 4], [5, 6], [7, 8]]> : tensor<4x2xi8>} : () -> tensor<4x2xi8>
    %3 = "ingot.matmul_integer"(%0, %2, %1) : (tensor<2x4xui8>, tensor<4x2xi8>, tensor<ui8>) -> tensor<2x2xi32>
    "ingot.return"(%3) {names = ["y"]} : (tensor<2x2xi32>) -> ()
  }) {sym_name = "main", param_names = ["x"]} : () -> ()
}
