/* Judges results by a bundle of vectors (docs/vectors.md): cc -o vectors vectors.c -lm; ./vectors BUNDLE RESULTS */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { const char *dtype, *data; int rank; int64_t shape[32], count; } Array;

/* JSON, as a bundle has it: without spaces. Where the value or member that begins here ends. */
static const char *past(const char *at) {
  for (int depth = 0;; at++) {
    if (*at == '"') while (*++at != '"') at += *at == '\\';
    else if (*at == '{' || *at == '[') depth++;
    else if ((*at == ',' && !depth) || ((*at == '}' || *at == ']') && !depth--)) return at;
  }
}
static const char *entry(const char *list, int n) { /* NULL after the last */
  for (list++; *list != ']' && n--; list += *list == ',') list = past(list);
  return *list == ']' ? NULL : list;
}
static const char *member(const char *object, const char *key) { /* NULL where there is none */
  size_t size = strlen(key);
  for (object++; *object != '}'; object = past(object), object += *object == ',')
    if (!strncmp(object + 1, key, size) && object[size + 1] == '"') return object + size + 3;
  return NULL;
}

static Array described(const char *array, const char *blob) {
  Array found = {member(array, "dtype") + 1, blob + atoll(member(array, "offset")), 0, {0}, 1};
  for (const char *side; (side = entry(member(array, "shape"), found.rank)); found.rank++)
    found.count *= found.shape[found.rank] = atoll(side);
  return found;
}
#define AS(name, type) if (!strncmp(a.dtype, name "\"", sizeof name)) return ((const type *)a.data)[i]
static long double number(Array a, int64_t i) { /* wide enough for 64-bit integers where long double has 64 bits */
  AS("bool", uint8_t); AS("int8", int8_t); AS("int16", int16_t); AS("int32", int32_t); AS("int64", int64_t);
  AS("uint8", uint8_t); AS("uint16", uint16_t); AS("uint32", uint32_t); AS("uint64", uint64_t);
  AS("float32", float); AS("float64", double);
  uint32_t bits = ((const uint16_t *)a.data)[i], exponent = bits >> 10 & 31, fraction = bits & 1023;
  union { uint32_t bits; float number; } upper = {bits << 16};
  if (*a.dtype == 'b') return upper.number;
  double finite = exponent ? ldexp(1024 + fraction, (int)exponent - 25) : ldexp(fraction, -24);
  return copysign(exponent < 31 ? finite : fraction ? NAN : INFINITY, bits >> 15 ? -1 : 1);
}

/* A case; its sets refer to its arrays by number. */
typedef struct { const char *arrays, *blob; } Case;
static Array placed(Case one, const char *set, const char *name) {
  return described(entry(one.arrays, atoi(member(set, name))), one.blob);
}
static int between(Array low, Array high, int64_t i, long double x) { return number(low, i) <= x && x <= number(high, i); }
static const char *elements(Case one, const char *sets, Array got) {
  Array due = placed(one, entry(sets, 0), "value");
  if (got.rank != due.rank || memcmp(got.shape, due.shape, sizeof due.shape)) return "wrong-shape";
  if (strncmp(got.dtype, due.dtype, strcspn(due.dtype, "\"") + 1)) return "wrong-dtype";
  char *right = calloc(got.count + 1, 1), *end = right + got.count;
  const char *set;
  for (int n = 0; (set = entry(sets, n)); n++) {
    Array low = placed(one, set, "low"), high = placed(one, set, "high"), nan = placed(one, set, "nan");
    for (int64_t i = 0; i < got.count; i++) {
      long double x = number(got, i);
      right[i] |= between(low, high, i, x) || (isnan(x) && number(nan, i));
    }
  }
  int wrong = memchr(right, 0, got.count + 1) != end;
  free(right);
  return wrong ? "wrong-value" : "agrees";
}
/* Whether elements that share a place along the axes that low keeps add up to what is due; where low is infinite, any. */
static int adds(Array got, Array low, Array high) {
  for (int64_t j = 0; j < low.count; j++) {
    long double sum = 0;
    for (int64_t i = 0; i < got.count; i++) {
      int64_t place = 0, scale = 1, rest = i;
      for (int axis = got.rank - 1; axis >= 0; rest /= got.shape[axis], scale *= low.shape[axis--])
        place += low.shape[axis] > 1 ? scale * (rest % got.shape[axis]) : 0;
      sum += place == j ? number(got, i) : 0;
    }
    if (!between(low, high, j, sum) && !isinf(number(low, j))) return 0;
  }
  return 1;
}
static const char *against(Case one, const char *option, const Array *results, int count) {
  const char *kind = member(option, "kind") + 1, *sets = member(option, "results"), *totals = member(option, "totals");
  if (*kind == 'u' || (kind[2] == 'f' && !results)) return "agrees"; /* unspecified, refused */
  if (!results || kind[2] == 'f') return results ? "accepted-invalid" : "refused-valid";
  for (int n = 0; n < count || entry(sets, n); n++) {
    if (n == count || !entry(sets, n)) return "wrong-shape";
    const char *said = elements(one, entry(sets, n), results[n]);
    if (strcmp(said, "agrees")) return said;
  }
  int right = !totals || adds(results[0], placed(one, totals, "low"), placed(one, totals, "high"));
  return right ? "agrees" : "wrong-value";
}
/* line: of cases.jsonl; blob: arrays.bin; results: what a call gave, NULL if it refused. The bundle's word for it. */
const char *judge(const char *line, const char *blob, const Array *results, int count) {
  const char *options = member(line, "allowed"), *option, *first = NULL;
  for (int n = 0; (option = entry(options, n)); n++) {
    const char *said = against((Case){member(line, "arrays"), blob}, option, results, count);
    if (!strcmp(said, "agrees")) return said;
    first = first ? first : said;
  }
  return results ? first : "refused-valid";
}

static char *contents(const char *folder, const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END)) return perror(path), exit(2), NULL;
  size_t size = ftell(file);
  char *content = calloc(size + 1, 1);
  rewind(file);
  if (fread(content, 1, size, file) != size) return perror(path), exit(2), NULL;
  return fclose(file), content;
}
int main(int count, char **given) {
  if (count != 3) return fputs("vectors BUNDLE RESULTS\n", stderr), 2;
  char *cases = contents(given[1], "cases.jsonl"), *blob = contents(given[1], "arrays.bin");
  char *answers = contents(given[2], "results.jsonl"), *raw = contents(given[2], "results.bin");
  for (char *line = answers; *line; line = strchr(line, '\n') + 1) {
    const char *arrays = member(line, "arrays"), *one = cases, *id = member(line, "id");
    Array results[32];
    int size = 0, length = strcspn(id + 1, "\"") + 1; /* of the id and the quote before it */
    for (const char *each; arrays && (each = entry(arrays, size)); size++) results[size] = described(each, raw);
    while (strncmp(member(one, "id"), id, length + 1)) one = strchr(one, '\n') + 1;
    printf("%.*s %s\n", length - 1, id + 1, judge(one, blob, arrays ? results : NULL, size));
  }
}
