// relay.test.mjs compiles this file; it is never executed.
import { graphql } from 'relay-runtime';

export const pictureFragment = graphql`
  fragment Gallery_picture on Image @argumentDefinitions(variant: { type: "ImageVariant", defaultValue: THUMBNAIL }) {
    url(variant: $variant)
    urlExpiresAt
    thumbhash
    width
    height
  }
`;

// Image URLs expire; Relay refetches them through `node`.
export const taskFragment = graphql`
  fragment Gallery_task on Task @refetchable(queryName: "GalleryTaskRefetchQuery") {
    prompt
    status
    version
    images {
      id
      ...Gallery_picture @arguments(variant: PREVIEW)
    }
    failure {
      code
      message
      advice
    }
  }
`;

export const historyFragment = graphql`
  fragment Gallery_history on Query
  @argumentDefinitions(
    count: { type: "Int", defaultValue: 20 }
    cursor: { type: "String" }
    filter: { type: "TaskFilter" }
  )
  @refetchable(queryName: "GalleryHistoryPaginationQuery") {
    tasks(first: $count, after: $cursor, filter: $filter) @connection(key: "Gallery_tasks") {
      edges {
        node {
          id
          ...Gallery_task
        }
      }
    }
  }
`;

export const galleryQuery = graphql`
  query GalleryQuery($filter: TaskFilter) {
    viewer {
      id
    }
    ...Gallery_history @arguments(filter: $filter)
  }
`;

export const nodeQuery = graphql`
  query GalleryNodeQuery($id: ID!) {
    node(id: $id) {
      __typename
      ...Gallery_task @alias(as: "task")
      ...Gallery_picture @alias(as: "picture")
    }
  }
`;

export const generateMutation = graphql`
  mutation GalleryGenerateMutation($input: GenerateImagesInput!, $connections: [ID!]!) {
    generateImages(input: $input) {
      __typename
      ... on TaskAccepted {
        task @prependNode(connections: $connections, edgeTypeName: "TaskEdge") {
          id
          ...Gallery_task
        }
      }
      ... on InvalidInput {
        fields {
          path
          message
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const eventsSubscription = graphql`
  subscription GalleryEventsSubscription($after: String) {
    taskEvents(after: $after) {
      cursor
      task {
        ...Gallery_task
      }
    }
  }
`;
