/** Jupyter counts positions in Unicode characters, JavaScript in UTF-16 units. */
export function codePoints(text: string): number {
  return [...text].length;
}

/** The UTF-16 position of a position in Unicode characters. */
export function utf16Position(text: string, points: number): number {
  return [...text].slice(0, points).join('').length;
}
