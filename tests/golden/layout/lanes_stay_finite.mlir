// A logarithm would make -infinity of unused lanes: it stays plain.
// RUN: %ingot opt %s --passes=layout | %FileCheck %s
// CHECK: "ingot.log"{{.*}}(tensor<1x12x8x8xf32>)
module {
  "ingot.graph"() ({
  ^bb0(%0: tensor<1x16x8x8xf32>):
    %1 = "ingot.constant"() {value = dense<0.5> : tensor<12x16x1x1xf32>} : () -> tensor<12x16x1x1xf32>
    %2 = "ingot.conv"(%0, %1) {groups = 1, strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1]} : (tensor<1x16x8x8xf32>, tensor<12x16x1x1xf32>) -> tensor<1x12x8x8xf32>
    %3 = "ingot.log"(%2) {} : (tensor<1x12x8x8xf32>) -> tensor<1x12x8x8xf32>
    "ingot.return"(%3) {names = ["y"]} : (tensor<1x12x8x8xf32>) -> ()
  }) {sym_name = "main", param_names = ["x0"]} : () -> ()
}
