/** The fields of one paragraph of a control file, names in lower case. Debian policy, section 5.1. */
export type Stanza = ReadonlyMap<string, string>;

/**
 * Reads the paragraphs of a control file, an apt source or a Release file. Continuation lines
 * are joined with newlines, without the space that they begin with; comment lines are left out.
 */
export function parseStanzas(text: string): readonly Stanza[] {
  const stanzas: Stanza[] = [];
  let current = new Map<string, string>();
  let field = "";
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    if (line.trim() === "") {
      if (current.size > 0) stanzas.push(current);
      current = new Map();
      continue;
    }
    if (line.startsWith(" ") || line.startsWith("\t")) {
      if (current.has(field)) current.set(field, `${current.get(field) ?? ""}\n${line.slice(1)}`);
      continue;
    }
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    field = line.slice(0, colon).toLowerCase();
    current.set(field, line.slice(colon + 1).trim());
  }
  if (current.size > 0) stanzas.push(current);
  return stanzas;
}
