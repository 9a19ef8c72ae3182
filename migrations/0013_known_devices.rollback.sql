drop index data.sign_in_attempts_network_idx;
alter table data.sign_in_attempts
drop column network,
drop column device_sha256;
drop table data.known_devices;
