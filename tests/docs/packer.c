/* Packs a network of forward layers from raw numbers, by docs/image.md and docs/descriptor.md alone.
 *
 * stdin: numbers of the accelerator, of the run and of each layer, see main; stdout: the image. */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t lanes, bus_bytes, weight_width, max_input, max_hidden, weight_words;
static uint32_t steps, sequences, base, layers;

struct layer {
  uint32_t inputs, hidden, params, weights, x, h, state, word_beats[2], x_stride, h_stride;
  int x_zero, h_zero, c_power, cell_clip;
  double x_scale, h_scale, w_scale[4], r_scale[4];
  int *w, *bias; /* w: [4][hidden][inputs + hidden] */
};

static double number(void) {
  double value;
  if (scanf("%lf", &value) != 1) exit(1);
  return value;
}

static uint32_t up(uint32_t value, uint32_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

static uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

static uint32_t blocks_of(uint32_t hidden) { return up(hidden, lanes / 4) / (lanes / 4); }

static void put(uint8_t *table, int word, uint32_t value) {
  for (int k = 0; k < 4; k++) table[4 * word + k] |= (uint8_t)(value >> 8 * k);
}

static void requantise(double real, uint32_t *multiplier, int *shift) {
  double fraction = frexp(real, shift);
  *multiplier = (uint32_t)floor(fraction * 2147483648.0 + 0.5);
  if (*multiplier == 1u << 31) *multiplier /= 2, ++*shift;
}

static void read_layer(struct layer *l) {
  l->inputs = number(), l->hidden = number();
  l->x_scale = (float)number(), l->x_zero = number();
  l->h_scale = (float)number(), l->h_zero = number();
  l->c_power = number(), l->cell_clip = number();
  for (int g = 0; g < 4; g++) l->w_scale[g] = (float)number();
  for (int g = 0; g < 4; g++) l->r_scale[g] = (float)number();
  uint32_t columns = l->inputs + l->hidden;
  l->w = calloc((size_t)4 * l->hidden * columns, sizeof(int));
  l->bias = calloc((size_t)4 * l->hidden, sizeof(int));
  for (uint32_t row = 0; row < 4 * l->hidden; row++)
    for (uint32_t i = 0; i < l->inputs; i++) l->w[row * columns + i] = number();
  for (uint32_t row = 0; row < 4 * l->hidden; row++)
    for (uint32_t i = 0; i < l->hidden; i++) l->w[row * columns + l->inputs + i] = number();
  for (uint32_t row = 0; row < 4 * l->hidden; row++) l->bias[row] = number();
}

static uint32_t plane_bits(void) { return larger(8 * bus_bytes / lanes, 1); }

/* Of the columns of x, or of those of h. */
static uint32_t planes_of(const struct layer *l, int hidden) {
  uint32_t bits = 1, columns = l->inputs + l->hidden;
  for (uint32_t k = 0; k < 4 * l->hidden * columns; k++)
    if ((k % columns >= l->inputs) == hidden)
      while (abs(l->w[k]) >> (bits - 1)) bits++;
  return up(bits, plane_bits()) / plane_bits();
}

static uint32_t block_beats(const struct layer *l) {
  return l->inputs * l->word_beats[0] + l->hidden * l->word_beats[1];
}

static void pack_weights(const struct layer *l, uint8_t *word) {
  uint32_t B = plane_bits(), planes[2] = {planes_of(l, 0), planes_of(l, 1)};
  uint32_t columns = l->inputs + l->hidden;
  for (uint32_t block = 0; block < blocks_of(l->hidden); block++)
    for (uint32_t column = 0; column < columns;
         word += l->word_beats[column >= l->inputs] * bus_bytes, column++)
      for (uint32_t lane = 0; lane < lanes; lane++) {
        uint32_t unit = block * (lanes / 4) + lane / 4;
        if (unit >= l->hidden) continue;
        int weight = l->w[(lane % 4 * l->hidden + unit) * columns + column];
        uint32_t stored = (uint32_t)abs(weight) | (uint32_t)(weight < 0) << (weight_width - 1);
        for (uint32_t k = 0; k < planes[column >= l->inputs] * B; k++) {
          uint32_t bit = stored >> (k ? k - 1 : weight_width - 1) & 1;
          uint32_t n = k / B * lanes * B + lane * B + k % B;
          word[n / 8] |= (uint8_t)(bit << n % 8);
        }
      }
}

static void pack_scales(const struct layer *l, uint8_t *table) {
  uint32_t multiplier;
  int shift;
  for (int g = 0; g < 4; g++) {
    requantise(l->x_scale * l->w_scale[g] * 4096, &multiplier, &shift);
    put(table, 20 + g, multiplier), put(table, 28, (shift & 255u) << 8 * g);
    requantise(l->h_scale * l->r_scale[g] * 4096, &multiplier, &shift);
    put(table, 24 + g, multiplier), put(table, 29, (shift & 255u) << 8 * g);
  }
  requantise(ldexp(1, -30) / l->h_scale, &multiplier, &shift);
  put(table, 30, multiplier);
  put(table, 31, (shift & 255u) | (30 + l->c_power) << 8 | ((12 + l->c_power) & 255u) << 16);
  put(table, 32, (l->x_zero & 255u) | (l->h_zero & 255u) << 8 | (uint32_t)l->cell_clip << 16);
}

/* Whether every layer has a place of its own in the accelerator. */
static int keeps(const struct layer *all) {
  uint32_t blocks = 0, beats = 0, room = 1;
  for (uint32_t k = 0; k < layers; k++)
    blocks += blocks_of(all[k].hidden), beats += up(all[k].inputs, bus_bytes) / bus_bytes;
  while (room <= up(max_input, bus_bytes) / bus_bytes) room *= 2;
  return layers <= 8 && blocks <= blocks_of(max_hidden) && beats <= room;
}

int main(void) {
  lanes = number(), bus_bytes = number() / 8, weight_width = number();
  max_input = number(), max_hidden = number(), weight_words = number();
  steps = number(), sequences = number(), base = number(), layers = number();
  struct layer *all = calloc(layers, sizeof *all);
  for (uint32_t k = 0; k < layers; k++) read_layer(&all[k]);
  uint32_t column_bytes = lanes * weight_width / 8, end = 256 * layers;
  for (uint32_t k = 0; k < layers; k++) {
    struct layer *l = &all[k];
    for (int part = 0; part < 2; part++)
      l->word_beats[part] = planes_of(l, part) * larger(lanes / (8 * bus_bytes), 1);
    l->params = up(end, 64);
    l->weights = up(l->params + 16 * l->hidden, larger(64, column_bytes));
    end = l->weights + blocks_of(l->hidden) * block_beats(l) * bus_bytes;
    l->x_stride = up(l->inputs, bus_bytes), l->h_stride = up(l->hidden, bus_bytes);
  }
  uint32_t image_bytes = up(end, 64);
  all[0].x = image_bytes, end = image_bytes + sequences * steps * all[0].x_stride;
  for (uint32_t k = 0; k < layers; k++) {
    if (k) all[k].x = all[k - 1].h;
    all[k].h = up(end, 64), all[k].state = up(all[k].h + sequences * steps * all[k].h_stride, 64);
    end = all[k].state + sequences * up(4 * all[k].hidden, larger(bus_bytes, 16));
  }
  uint8_t *image = calloc(image_bytes, 1);
  uint32_t used = 0, blocks_before = 0, beats_before = 0;
  for (uint32_t k = 0; k < layers; k++) {
    struct layer *l = &all[k];
    uint8_t *table = image + 256 * k;
    uint32_t columns = l->inputs + l->hidden, blocks = blocks_of(l->hidden);
    uint32_t kept = (weight_words - used) / columns;
    if (kept > blocks) kept = blocks;
    put(table, 0, 0x5246 | (k == layers - 1) << 16 | 1 << 17 | (kept > 0) << 18 | 1 << 20);
    put(table, 1, l->inputs | l->hidden << 16);
    put(table, 2, steps), put(table, 3, sequences);
    put(table, 4, base + l->x), put(table, 5, base + l->x), put(table, 6, l->inputs);
    put(table, 7, l->x_stride), put(table, 8, steps * l->x_stride);
    put(table, 9, base + l->h), put(table, 10, l->h_stride), put(table, 11, steps * l->h_stride);
    put(table, 12, base + l->params), put(table, 13, base + l->weights);
    put(table, 14, block_beats(l) * bus_bytes);
    put(table, 15, kept), put(table, 16, kept ? used : 0);
    put(table, 18, base + l->state), put(table, 19, up(4 * l->hidden, larger(bus_bytes, 16)));
    pack_scales(l, table);
    put(table, 36, columns * 4 * l->hidden), put(table, 37, (blocks - kept) * columns * column_bytes);
    put(table, 38, l->word_beats[1] << 8);
    put(table, 40, l->word_beats[0] != l->word_beats[1] ? l->word_beats[0] : 0);
    if (keeps(all)) put(table, 39, blocks_before | beats_before << 16 | k << 28);
    used += kept * columns;
    blocks_before += blocks, beats_before += up(l->inputs, bus_bytes) / bus_bytes;
    for (uint32_t unit = 0; unit < l->hidden; unit++)
      for (uint32_t g = 0; g < 4; g++)
        put(image + l->params + 16 * unit, (int)g, (uint32_t)l->bias[g * l->hidden + unit]);
    pack_weights(l, image + l->weights);
  }
  return fwrite(image, 1, image_bytes, stdout) != image_bytes;
}
