/** Width by height, of `16:9` for example; square where nothing else is known. */
export function parseAspectRatio(aspectRatio: string | null): number {
  const [width, height] = (aspectRatio ?? '').split(':').map(Number);
  return width && height ? width / height : 1;
}
