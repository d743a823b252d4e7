import { Icon } from '../ui/Icon';
import { ImageView } from '../ui/ImageView';
import { useBoardStore } from './BoardsProvider';
import type { Board } from './boardStore';

/** The first images of a board. Decorative, so they have no alt texts. */
export function BoardCover({ board, max }: { board: Board; max: 1 | 4 }) {
  const { list } = useBoardStore();
  const images = board.cover.nodes.slice(0, max);
  return (
    <span className={`board-cover of-${images.length}`} aria-hidden="true">
      {images.length === 0 && <Icon name="image" />}
      {images.map((image) => (
        <ImageView key={image.id} image={image} variant="thumbnail" alt="" onBroken={list.reload} />
      ))}
    </span>
  );
}
