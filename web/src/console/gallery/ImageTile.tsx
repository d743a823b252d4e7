import { useId } from 'react';
import { Link } from 'wouter';
import type { ImageFieldsFragment } from '../../gql/graphql';
import { AddToBoard } from '../boards/AddToBoard';
import { useDraft } from '../create/DraftProvider';
import type { Task } from '../gateway/taskStore';
import { messages } from '../messages';
import { IconButton } from '../ui/IconButton';
import { startImageDrag } from '../ui/imageDrag';
import { ImageView } from '../ui/ImageView';
import { Tile } from './Tile';

export function ImageTile({ task, image }: { task: Task; image: ImageFieldsFragment }) {
  const { edit } = useDraft();
  const promptId = useId();
  return (
    <Tile
      ratio={image.width / image.height}
      className="image"
      draggable
      onDragStart={(event) => startImageDrag(event, image.id)}
    >
      <Link href={`/tasks/${task.id}`} className="tile-link" draggable={false}>
        <ImageView image={image} variant="preview" alt={task.prompt} />
      </Link>
      <div className="tile-bar">
        <p id={promptId} title={task.prompt}>
          {task.prompt}
        </p>
        <IconButton
          icon="edit"
          label={messages.task.editImage}
          title={messages.task.editImage}
          describedBy={promptId}
          onClick={() => edit(image, task.prompt)}
        />
        <AddToBoard imageId={image.id} describedBy={promptId} />
      </div>
    </Tile>
  );
}
