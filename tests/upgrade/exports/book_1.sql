BEGIN;
INSERT INTO embedding_configs (id, model_name, model_version, dimensions, is_active, created_at) VALUES
('eeeeeeee-0000-4000-8000-000000000000', 'text-embedding-3-small', 'v1', 3, true, '2026-01-02T03:04:05.678901')
ON CONFLICT (id) DO NOTHING;
INSERT INTO books (id, title, author, kindle_url, total_screenshots, capture_date, ingestion_status, book_metadata, created_at, updated_at) VALUES
('bbbbbbbb-0000-4000-8000-000100000000', 'Book 1', 'A. Uthor', 'https://read.example/?asin=B0', 2, '2026-01-02T03:04:05.678901', 'completed', '{"language": "en", "edition": 2}', '2026-01-02T03:04:05.678901', '2026-01-02T03:04:05.678901')
ON CONFLICT (id) DO UPDATE SET updated_at = EXCLUDED.updated_at;
INSERT INTO screenshots (id, book_id, sequence_number, file_path, screenshot_hash, captured_at) VALUES
('cccccccc-0000-4000-8000-000100000001', 'bbbbbbbb-0000-4000-8000-000100000000', 1, NULL, 'hash1', '2026-01-02T03:04:05.678901')
ON CONFLICT (id) DO NOTHING;
INSERT INTO screenshots (id, book_id, sequence_number, file_path, screenshot_hash, captured_at) VALUES
('cccccccc-0000-4000-8000-000100000002', 'bbbbbbbb-0000-4000-8000-000100000000', 2, NULL, 'hash2', '2026-01-02T03:04:05.678901')
ON CONFLICT (id) DO NOTHING;
INSERT INTO chunks (id, book_id, screenshot_ids, chunk_sequence, chunk_text, chunk_token_count, embedding_config_id, embedding, vision_model, vision_prompt_tokens, vision_completion_tokens, extraction_timestamp, chunk_metadata, created_at) VALUES
('dddddddd-0000-4000-8000-000100000001', 'bbbbbbbb-0000-4000-8000-000100000000', ARRAY['cccccccc-0000-4000-8000-000100000001']::uuid[], 1, 'text 1', 2, 'eeeeeeee-0000-4000-8000-000000000000', '[0.1,0.2,0.3]', 'gpt-4o-mini', 7, 8, '2026-01-02T03:04:05.678901', NULL, '2026-01-02T03:04:05.678901')
ON CONFLICT (id) DO NOTHING;
INSERT INTO chunks (id, book_id, screenshot_ids, chunk_sequence, chunk_text, chunk_token_count, embedding_config_id, embedding, vision_model, vision_prompt_tokens, vision_completion_tokens, extraction_timestamp, chunk_metadata, created_at) VALUES
('dddddddd-0000-4000-8000-000100000002', 'bbbbbbbb-0000-4000-8000-000100000000', ARRAY['cccccccc-0000-4000-8000-000100000001']::uuid[], 2, 'text 2', 2, 'eeeeeeee-0000-4000-8000-000000000000', '[0.2,0.2,0.3]', 'gpt-4o-mini', 7, 8, '2026-01-02T03:04:05.678901', NULL, '2026-01-02T03:04:05.678901')
ON CONFLICT (id) DO NOTHING;
INSERT INTO chunks (id, book_id, screenshot_ids, chunk_sequence, chunk_text, chunk_token_count, embedding_config_id, embedding, vision_model, vision_prompt_tokens, vision_completion_tokens, extraction_timestamp, chunk_metadata, created_at) VALUES
('dddddddd-0000-4000-8000-000100000003', 'bbbbbbbb-0000-4000-8000-000100000000', ARRAY['cccccccc-0000-4000-8000-000100000001']::uuid[], 3, 'text 3', 2, 'eeeeeeee-0000-4000-8000-000000000000', '[0.3,0.2,0.3]', 'gpt-4o-mini', 7, 8, '2026-01-02T03:04:05.678901', NULL, '2026-01-02T03:04:05.678901')
ON CONFLICT (id) DO NOTHING;
COMMIT;
