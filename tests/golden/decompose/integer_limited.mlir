// Without VNNI, bytes are multiplied as they are where their weights stay within limits, as those of %3 do; where all
// are as large as can be, as in %4, in 16 bits.
// RUN: %ingot opt %s --passes=decompose,canonicalize --cpu=x86-64-v3 | %FileCheck %s
// CHECK: %[[A:.*]] = "ingot.sub"({{.*}}tensor<2x16xi16>
// CHECK: %[[SUM:.*]] = "ingot.matmul_integer"(%0, %{{[0-9]+}}) : (tensor<2x16xui8>, tensor<16x2xi8>) -> tensor<2x2xi32>
// CHECK: dense<[408, -360]> : tensor<2xi32>
// CHECK: "ingot.sub"(%[[SUM]],
// CHECK: "ingot.matmul_integer"(%[[A]], %{{[0-9]+}}) : (tensor<2x16xi16>, tensor<16x2xi16>) -> tensor<2x2xi32>
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<2x16xui8>):
    %1 = "ingot.constant"() {value = dense<3> : tensor<ui8>} : () -> tensor<ui8>
    %2 = "ingot.constant"() {value = dense<[[1, 0], [2, -1], [3, -2], [4, -3], [5, -4], [6, -5], [7, -6], [8, -7], [9, -8], [10, -9], [11, -10], [12, -11], [13, -12], [14, -13], [15, -14], [16, -15]]> : tensor<16x2xi8>} : () -> tensor<16x2xi8>
    %3 = "ingot.matmul_integer"(%0, %2, %1) : (tensor<2x16xui8>, tensor<16x2xi8>, tensor<ui8>) -> tensor<2x2xi32>
    %4 = "ingot.constant"() {value = dense<[[127, 127], [127, 127], [127, 127], [127, 127], [127, 127], [127, 127], [127, 127], [127, 127], [127, 127], [127, 127], [127, 127], [127, 127], [127, 127], [127, 127], [127, 127], [127, 126]]> : tensor<16x2xi8>} : () -> tensor<16x2xi8>
    %5 = "ingot.matmul_integer"(%0, %4, %1) : (tensor<2x16xui8>, tensor<16x2xi8>, tensor<ui8>) -> tensor<2x2xi32>
    "ingot.return"(%3, %5) {names = ["y", "z"]} : (tensor<2x2xi32>, tensor<2x2xi32>) -> ()
  }) {sym_name = "main", param_names = ["x"]} : () -> ()
}
