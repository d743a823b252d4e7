import { Icon } from '../ui/Icon';
import { ImageView } from '../ui/ImageView';
import type { Board } from './boardList';
import { useBoardList } from './boards';

/** The first images of a board. They only adorn its title, so that they need no names. */
export function Cover({ board, most }: { board: Board; most: 1 | 4 }) {
  const { list } = useBoardList();
  const images = board.cover.nodes.slice(0, most);
  return (
    <span className={`board-cover of-${images.length}`} aria-hidden="true">
      {images.length === 0 && <Icon name="image" />}
      {images.map((image) => (
        <ImageView key={image.id} image={image} variant="thumbnail" alt="" onBroken={list.reload} />
      ))}
    </span>
  );
}
