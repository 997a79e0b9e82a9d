// A gather of one known index is a slice, which can be a view.
// RUN: %ingot opt %s --passes=canonicalize | %FileCheck %s
// CHECK: "ingot.slice"(%0) {axes = [0], steps = [1], sym = ["4", "1"]
// CHECK: "ingot.reshape"
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<5x4xf32>):
    %1 = "ingot.constant"() {value = dense<-1> : tensor<i64>} : () -> tensor<i64>
    %2 = "ingot.gather"(%0, %1) {axis = 0} : (tensor<5x4xf32>, tensor<i64>) -> tensor<4xf32>
    "ingot.return"(%2) {names = ["y"]} : (tensor<4xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
