select 1; -- harmless


drop table customers