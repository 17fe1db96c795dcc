// The clock and the reset of a LiteX system, until its program has said something.
module bench;
  reg clk = 0, rst = 1;
  wire [31:0] said;
  integer cycles = 0;
  top dut (.sys_clk(clk), .sys_rst(rst), .said(said));
  always #10 clk = !clk;
  always @(posedge clk) begin
    cycles <= cycles + 1;
    if (cycles == 8) rst <= 0;
    if (said != 0) begin
      $display("said %h after %0d cycles", said, cycles);
      $finish;
    end
    if (cycles == 1000000) begin $display("silent"); $finish; end
  end
endmodule
