/** Width divided by height, for example of `16:9`; 1 if unknown. */
export function parseAspectRatio(aspectRatio: string | null): number {
  const [width, height] = (aspectRatio ?? '').split(':').map(Number);
  return width && height ? width / height : 1;
}
