import { useCallback } from 'react';
import { messages } from '../messages';
import { showToast } from '../ui/Toaster';
import { useBoardStore } from './BoardsProvider';
import type { Board } from './boardStore';

/** Adds an image to a board and confirms it. Resolves to an error message, or null. */
export function useAddToBoard() {
  const boards = useBoardStore();
  return useCallback(
    async (board: Pick<Board, 'id' | 'title'>, imageId: string): Promise<string | null> => {
      const result = await boards.add(board.id, imageId);
      if ('errorMessage' in result) return result.errorMessage;
      showToast(messages.boards.added(board.title));
      return null;
    },
    [boards],
  );
}
