// What frees memory comes before what needs more of it.
// RUN: %ingot opt %s --passes=schedule | %FileCheck %s
// CHECK: ingot.exp
// CHECK-NEXT: ingot.reduce
// CHECK-NEXT: ingot.log
// CHECK-NEXT: ingot.reduce
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1024xf32>):
    %1 = "ingot.exp"(%0) {} : (tensor<1024xf32>) -> tensor<1024xf32>
    %2 = "ingot.log"(%0) {} : (tensor<1024xf32>) -> tensor<1024xf32>
    %3 = "ingot.reduce"(%1) {kind = "sum", axes = [0], keepdims = 0} : (tensor<1024xf32>) -> tensor<f32>
    %4 = "ingot.reduce"(%2) {kind = "sum", axes = [0], keepdims = 0} : (tensor<1024xf32>) -> tensor<f32>
    %5 = "ingot.add"(%3, %4) {} : (tensor<f32>, tensor<f32>) -> tensor<f32>
    "ingot.return"(%5) {names = ["y"]} : (tensor<f32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
