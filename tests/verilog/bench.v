// Runs an image on an exported accelerator in any simulator of Verilog-2005: a memory behind the
// AXI4 port, and what a host writes through the AXI4-Lite port. The memory is read from
// memory.hex and written to written.hex, a word of the bus on each line.
`timescale 1ns / 1ps

module bench;
  parameter BUS_WIDTH = 64;
  parameter WORDS = 8192;          // of the memory
  parameter DESCRIPTOR = 0;        // byte addresses
  parameter OUTPUT_BASE = 0;
  parameter OUTPUT_LIMIT = 0;
  parameter LONGEST = 200000;      // cycles

  localparam BYTES = BUS_WIDTH / 8;

  reg clk;
  reg resetn;
  wire interrupt;
  integer cycles;

  // What a host drives.
  reg [11:0] awaddr;
  reg awvalid;
  reg [31:0] wdata;
  reg wvalid;
  wire s_awready, s_wready, s_bvalid, s_arready, s_rvalid;
  wire [1:0] s_bresp, s_rresp;
  wire [31:0] s_rdata;

  // The port of the memory.
  wire [31:0] m_awaddr, m_araddr;
  wire [7:0] m_awlen, m_arlen;
  wire [BUS_WIDTH-1:0] m_wdata;
  wire [BYTES-1:0] m_wstrb;
  wire m_awvalid, m_wlast, m_wvalid, m_bready, m_arvalid, m_rready;
  wire m_awid, m_arid, m_awlock, m_arlock;
  wire [2:0] m_awsize, m_awprot, m_arsize, m_arprot;
  wire [1:0] m_awburst, m_arburst;
  wire [3:0] m_awcache, m_awqos, m_arcache, m_arqos;
  reg [BUS_WIDTH-1:0] rdata;
  reg rlast, rvalid, bvalid;

  `TOP dut (
    .aclk(clk), .aresetn(resetn), .m_axi_aresetn(resetn), .interrupt(interrupt),
    .s_axi_awaddr(awaddr), .s_axi_awprot(3'b0), .s_axi_awvalid(awvalid), .s_axi_awready(s_awready),
    .s_axi_wdata(wdata), .s_axi_wstrb(4'hf), .s_axi_wvalid(wvalid), .s_axi_wready(s_wready),
    .s_axi_bresp(s_bresp), .s_axi_bvalid(s_bvalid), .s_axi_bready(1'b1),
    .s_axi_araddr(12'b0), .s_axi_arprot(3'b0), .s_axi_arvalid(1'b0), .s_axi_arready(s_arready),
    .s_axi_rdata(s_rdata), .s_axi_rresp(s_rresp), .s_axi_rvalid(s_rvalid), .s_axi_rready(1'b1),
    .m_axi_awid(m_awid), .m_axi_awaddr(m_awaddr), .m_axi_awlen(m_awlen), .m_axi_awsize(m_awsize),
    .m_axi_awburst(m_awburst), .m_axi_awlock(m_awlock), .m_axi_awcache(m_awcache),
    .m_axi_awprot(m_awprot), .m_axi_awqos(m_awqos), .m_axi_awvalid(m_awvalid),
    .m_axi_awready(!writing && !bvalid),
    .m_axi_wdata(m_wdata), .m_axi_wstrb(m_wstrb), .m_axi_wlast(m_wlast), .m_axi_wvalid(m_wvalid),
    .m_axi_wready(writing),
    .m_axi_bid(1'b0), .m_axi_bresp(2'b0), .m_axi_bvalid(bvalid), .m_axi_bready(m_bready),
    .m_axi_arid(m_arid), .m_axi_araddr(m_araddr), .m_axi_arlen(m_arlen), .m_axi_arsize(m_arsize),
    .m_axi_arburst(m_arburst), .m_axi_arlock(m_arlock), .m_axi_arcache(m_arcache),
    .m_axi_arprot(m_arprot), .m_axi_arqos(m_arqos), .m_axi_arvalid(m_arvalid),
    .m_axi_arready(!reading),
    .m_axi_rid(1'b0), .m_axi_rdata(rdata), .m_axi_rresp(2'b0), .m_axi_rlast(rlast),
    .m_axi_rvalid(rvalid), .m_axi_rready(m_rready)
  );

  // The memory: one burst of reads and one of writes at a time.
  reg [BUS_WIDTH-1:0] memory [0:WORDS-1];
  reg reading, writing;
  reg [31:0] read_word, write_word;
  reg [8:0] left;
  integer k;

  always @(posedge clk) begin
    if (!resetn) begin
      reading <= 0;
      writing <= 0;
      rvalid <= 0;
      rlast <= 0;
      bvalid <= 0;
    end else begin
      if (!reading && m_arvalid) begin
        reading <= 1;
        read_word <= m_araddr / BYTES;
        left <= m_arlen + 9'd1;
      end
      if (rvalid && m_rready) begin
        rvalid <= 0;
        rlast <= 0;
        if (rlast) reading <= 0;
      end
      if (reading && left != 0 && (!rvalid || m_rready)) begin
        rdata <= memory[read_word];
        rvalid <= 1;
        rlast <= left == 1;
        read_word <= read_word + 1;
        left <= left - 1;
      end
      if (!writing && !bvalid && m_awvalid) begin
        writing <= 1;
        write_word <= m_awaddr / BYTES;
      end
      if (writing && m_wvalid) begin
        for (k = 0; k < BYTES; k = k + 1)
          if (m_wstrb[k]) memory[write_word][8*k +: 8] <= m_wdata[8*k +: 8];
        write_word <= write_word + 1;
        if (m_wlast) begin
          writing <= 0;
          bvalid <= 1;
        end
      end
      if (bvalid && m_bready) bvalid <= 0;
    end
  end

  // The host: five registers (hw/registers.py), then wait for the interrupt.
  reg [11:0] where [0:4];
  reg [31:0] what [0:4];
  integer step;

  initial begin
    where[0] = 12'h024; what[0] = 32'h3;           // interrupt_enable
    where[1] = 12'h028; what[1] = DESCRIPTOR;
    where[2] = 12'h02c; what[2] = OUTPUT_BASE;
    where[3] = 12'h030; what[3] = OUTPUT_LIMIT;
    where[4] = 12'h014; what[4] = 32'h1;           // control: start
    $readmemh("memory.hex", memory);
    clk = 0;
    resetn = 0;
    awvalid = 0;
    wvalid = 0;
    awaddr = 0;
    wdata = 0;
    cycles = 0;
    step = 0;
  end

  always #5 clk = !clk;

  always @(posedge clk) begin
    cycles <= cycles + 1;
    if (cycles == 10) resetn <= 1;
    if (cycles > 20 && step < 5 && !awvalid && !wvalid) begin
      awaddr <= where[step];
      wdata <= what[step];
      awvalid <= 1;
      wvalid <= 1;
      step <= step + 1;
    end
    if (awvalid && s_awready) awvalid <= 0;
    if (wvalid && s_wready) wvalid <= 0;
    if (interrupt === 1'b1) begin
      $display("interrupt after %0d cycles", cycles);
      $writememh("written.hex", memory);
      $finish;
    end
    if (cycles == LONGEST) begin
      $display("no interrupt");
      $finish;
    end
  end
endmodule
