/**
 * The recorded lines that do not occur in ours in the recorded order; our own lines may stand
 * between them. A recorded line that ends in `…` is the beginning of ours.
 */
export function missingLines(recorded: string, got: string): readonly string[] {
  const ours = got.split("\n");
  let at = 0;
  return recorded
    .split("\n")
    .filter((line) => line.trim() !== "")
    .filter((line) => {
      const found = ours.findIndex((own, index) => index >= at && isLine(line, own));
      if (found === -1) return true;
      at = found + 1;
      return false;
    });
}

function isLine(recorded: string, own: string): boolean {
  return recorded.endsWith("…") ? own.startsWith(recorded.slice(0, -1)) : own === recorded;
}
