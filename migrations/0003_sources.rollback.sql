drop table data.ai_requests;
drop table data.emails;
drop table data.calls;
drop table data.messages;
drop type data.direction;
drop type data.message_channel;
