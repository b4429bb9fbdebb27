/**
 * Cuts a command line into words as shells do, as far as quotes and backslashes go; nothing is
 * expanded. The last word is the one that is being typed: empty after a space.
 */
export function splitLine(line: string): readonly string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  let begun = false;
  for (let at = 0; at < line.length; at++) {
    const character = line[at] ?? "";
    if (quote === "'" ? character !== "'" : character === "\\") {
      word += quote === "'" ? character : (line[++at] ?? "");
      begun = true;
    } else if (quote !== "" ? character === quote : character === "'" || character === '"') {
      quote = quote === "" ? character : "";
      begun = true;
    } else if (quote === "" && /\s/.test(character)) {
      if (begun) words.push(word);
      word = "";
      begun = false;
    } else {
      word += character;
      begun = true;
    }
  }
  return [...words, word];
}
