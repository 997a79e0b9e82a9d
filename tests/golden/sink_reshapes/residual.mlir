// A reshape moves below the addition of a value of its shape.
// RUN: %ingot opt %s --passes=sink_reshapes | %FileCheck %s
// CHECK: ingot.matmul
// CHECK: "ingot.reshape"(%2)
// CHECK: "ingot.add"
// CHECK: "ingot.reshape"
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<6x4xf32>, %1: tensor<4x5xf32>, %2: tensor<2x3x5xf32>):
    %3 = "ingot.matmul"(%0, %1) {trans_a = 0, trans_b = 0} : (tensor<6x4xf32>, tensor<4x5xf32>) -> tensor<6x5xf32>
    %4 = "ingot.reshape"(%3) {sym = ["2", "3", "5"]} : (tensor<6x5xf32>) -> tensor<2x3x5xf32>
    %5 = "ingot.add"(%4, %2) {} : (tensor<2x3x5xf32>, tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
    "ingot.return"(%5) {names = ["y"]} : (tensor<2x3x5xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0", "x1", "x2"]} : () -> ()
}
