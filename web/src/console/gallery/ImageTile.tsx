import { useId } from 'react';
import { Link } from 'wouter';
import type { PictureFragment } from '../../gql/graphql';
import { AddToBoard } from '../boards/AddToBoard';
import { useDraft } from '../create/DraftProvider';
import type { Task } from '../gateway/taskStore';
import { startImageDrag } from '../ui/imageDrag';
import { IconButton } from '../ui/IconButton';
import { Picture } from '../ui/Picture';
import { Tile } from './Tile';

export function ImageTile({ task, image }: { task: Task; image: PictureFragment }) {
  const { edit } = useDraft();
  const words = useId();
  return (
    <Tile
      ratio={image.width / image.height}
      className="image"
      draggable
      onDragStart={(event) => startImageDrag(event, image.id)}
    >
      <Link href={`/tasks/${task.id}`} className="tile-link" draggable={false}>
        <Picture image={image} variant="preview" alt={task.prompt} />
      </Link>
      <div className="tile-bar">
        <p id={words} title={task.prompt}>
          {task.prompt}
        </p>
        <IconButton
          icon="edit"
          label="Edit this"
          title="Edit this"
          describedBy={words}
          onClick={() => edit(image, task.prompt)}
        />
        <AddToBoard imageId={image.id} describedBy={words} />
      </div>
    </Tile>
  );
}
